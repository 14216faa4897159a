"""The HTTP API: app.py wires it, problems.py turns errors into answers, a file a resource."""
