"""The local host: runs the function app through Microsoft's own worker library, with the rules of the Azure
Functions host.

`python -m dev.host` starts it. Read `__main__` (command line), `app` (what runs together), `worker` (the
library), `functions` (what the app asks for, and what is refused), then `http_server`, `queues`, `timers` and
`admin` (what calls the functions). HTTP, queue and timer triggers are there; function keys, output bindings and
other triggers are refused at start.
"""
