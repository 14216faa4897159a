"""What the Functions host loads: the functions of triggers.py."""

import logging

import azure.functions as func

from messaging.triggers import at_times_of, blueprint, messaging

logging.getLogger("azure").setLevel(logging.WARNING)  # at INFO the SDKs log every request

at_times_of(messaging().settings)  # a missing or wrong setting is named now, not at the first message

app = func.FunctionApp()
app.register_functions(blueprint)
