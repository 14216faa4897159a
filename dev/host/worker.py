"""Drives a function app through `azure-functions-runtime`, the library that runs it in Azure as well, in this
process.

The library keeps the app in module globals: one app a process. `load` goes the way of the real host (init,
metadata, load), `Worker.invoke` calls one function.
"""

from __future__ import annotations

import logging
import os
import secrets
import sys
import uuid
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import azure_functions_runtime as runtime

from dev.host import protos
from dev.host.errors import HostError

log = logging.getLogger("host")


@dataclass(frozen=True)
class Call:
    """One call to make: the value of the trigger's parameter, and what else the host says about it."""

    parameter: str
    data: protos.TypedData
    metadata: dict[str, protos.TypedData]


@dataclass(frozen=True)
class Outcome:
    """How a call ended. `value` is what the function returned; a failure has been logged already."""

    ok: bool
    value: protos.TypedData | None = None


async def load(folder: Path) -> list[protos.RpcFunctionMetadata]:
    """Import the app in `folder` and give its functions; raises HostError with the app's own exception text."""
    logging.getLogger("azure.functions").setLevel(logging.CRITICAL)  # what it logs of failures is reported here
    runtime.start_threadpool_executor()
    sys.path.insert(0, str(folder))
    try:
        os.chdir(folder)
    except OSError as error:
        raise HostError(f"there is no function app in {folder}: {error.strerror}") from error
    init = await runtime.worker_init_request(
        _request(worker_init_request=SimpleNamespace(capabilities={}, function_app_directory=str(folder)))
    )
    if init.result.status != protos.StatusResult.Success:
        reason = init.result.exception
        log.error("the function app raised:\n%s", reason.stack_trace)
        raise HostError(f"the function app in {folder} cannot be loaded: {reason.message}")
    if "HttpUri" in init.capabilities:
        raise HostError(
            "HTTP streaming (azurefunctions-extensions-http-fastapi) is not supported by the local host"
        )
    answer = await runtime.functions_metadata_request(_request())
    if answer.function_metadata_results is None:
        raise HostError(f"there is no function app in {folder}: function_app.py is missing or has no function")
    functions: list[protos.RpcFunctionMetadata] = answer.function_metadata_results
    for function in functions:
        await runtime.function_load_request(
            _request(function_load_request=SimpleNamespace(function_id=function.function_id))
        )
    return functions


async def invoke(function: protos.RpcFunctionMetadata, call: Call) -> Outcome:
    """Call a function. What it raises becomes a failed outcome and a log line."""
    request = SimpleNamespace(
        invocation_id=str(uuid.uuid4()),
        function_id=function.function_id,
        input_data=[protos.ParameterBinding(name=call.parameter, data=call.data)],
        trigger_metadata=call.metadata,
        trace_context=SimpleNamespace(trace_parent=_trace_parent(), trace_state="", attributes={}),
        retry_context=SimpleNamespace(retry_count=0, max_retry_count=0, exception=None),
    )
    answer = await runtime.invocation_request(_request(invocation_request=request))
    if answer.result.status == protos.StatusResult.Success:
        return Outcome(True, answer.return_value)
    reason = answer.result.exception
    log.error("%s failed: %s\n%s", function.name, reason.message, reason.stack_trace.rstrip())
    return Outcome(False)


def _request(**parts: Any) -> SimpleNamespace:
    return SimpleNamespace(request=SimpleNamespace(**parts), properties={"host": "127.0.0.1", "protos": protos})


def _trace_parent() -> str:
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"
