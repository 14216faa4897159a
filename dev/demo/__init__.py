"""`make demo`: the main job on this machine, scene by scene, from nothing to delivered messages and their records.

__main__.py starts everything and judges; people.py, later.py and crowd.py are the scenes.
"""
