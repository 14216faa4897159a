"""The product as it is deployed, with one subscription function for everybody and a count of what storage does.

bench/product.py copies this file and the product's host.json into a folder of their own and starts the local host
on it.
"""

from bench.counted import app  # noqa: F401 - found by the Functions host
