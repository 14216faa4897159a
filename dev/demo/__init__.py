"""`make demo`: the main job on this machine, scene by scene, from nothing to delivered messages and their records.

__main__.py starts everything, plays the scenes in their order, and judges; a scene is a file.
"""
