"""`make bench`: this product beside what people would use instead, on the same fakes and the same storage.

`__main__.py` runs the parts (parts.py), of which ways.py compares the ways; report.py holds the goals. Absolute
figures are those of one machine at one time: only rows of one run may be compared.
"""
