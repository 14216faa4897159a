"""`python -m messaging`: what operators ask and do. app.py lists them, docs/operations.md is the runbook."""
