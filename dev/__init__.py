"""What local life needs and nothing deployed contains: the local host, the storage emulator, process handling."""
