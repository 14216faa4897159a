"""What the Functions host loads: the functions of triggers.py."""

import logging

import azure.functions as func

from messaging.triggers import blueprint, messaging

logging.getLogger("azure").setLevel(logging.WARNING)  # at INFO the SDKs log every request

messaging()  # a missing or wrong setting is named now, not at the first message

app = func.FunctionApp()
app.register_functions(blueprint)
