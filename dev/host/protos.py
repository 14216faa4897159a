"""Stand-in for the protobuf module of the host-worker protocol: only the messages that the worker library
touches.

The names are those of Microsoft's FunctionRpc.proto. As with protobuf, an unknown field is refused (TypeError)
and an unset one has its zero value.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

Bytes = bytes
Text = str


@dataclass(kw_only=True)
class TypedData:
    """A value of one of these kinds; at most one is set."""

    string: Text | None = None
    json: Text | None = None
    bytes: Bytes | None = None
    http: RpcHttp | None = None
    int: Any = None
    double: Any = None

    def WhichOneof(self, group: Text) -> Text | None:
        """The name of the field that is set, as protobuf's method of this name."""
        return next((name for name, value in vars(self).items() if value is not None), None)


@dataclass(kw_only=True)
class ParameterBinding:
    """One argument of a function, or one value that it put out."""

    name: str = ""
    data: TypedData | None = None

    def WhichOneof(self, group: str) -> str | None:
        """`data`, or None when nothing is set."""
        return "data" if self.data is not None else None


@dataclass(kw_only=True)
class NullableString:
    """A string that may be absent."""

    value: str = ""


@dataclass(kw_only=True)
class NullableBool:
    """A truth value that may be absent."""

    value: bool = False


@dataclass(kw_only=True)
class NullableDouble:
    """A number that may be absent."""

    value: float = 0.0


@dataclass(kw_only=True)
class Timestamp:
    """A moment in whole seconds since 1970, UTC."""

    seconds: int = 0


@dataclass(kw_only=True)
class NullableTimestamp:
    """A moment that may be absent."""

    value: Timestamp | None = None


class _SameSite:
    Lax: ClassVar[int] = 1
    Strict: ClassVar[int] = 2
    ExplicitNone: ClassVar[int] = 3


setattr(_SameSite, "None", 0)  # the protocol's name for "not given" is a Python keyword


@dataclass(kw_only=True)
class RpcHttpCookie:
    """A cookie of a response."""

    SameSite: ClassVar[type[_SameSite]] = _SameSite

    name: str = ""
    value: str = ""
    domain: NullableString | None = None
    path: NullableString | None = None
    expires: NullableTimestamp | None = None
    secure: NullableBool | None = None
    http_only: NullableBool | None = None
    same_site: int = 0
    max_age: NullableDouble | None = None


@dataclass(kw_only=True)
class RpcHttp:
    """A request or a response."""

    method: str = ""
    url: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    query: dict[str, str] = field(default_factory=dict)
    body: TypedData = field(default_factory=TypedData)
    status_code: str = ""
    cookies: list[RpcHttpCookie] | None = None
    enable_content_negotiation: bool = False


@dataclass(kw_only=True)
class RpcException:
    """What a function or the start of the app raised."""

    source: str = ""
    stack_trace: str = ""
    message: str = ""


@dataclass(kw_only=True)
class StatusResult:
    """Whether something worked."""

    Failure: ClassVar[int] = 0
    Success: ClassVar[int] = 1

    status: int = 0
    exception: RpcException | None = None


@dataclass(kw_only=True)
class WorkerMetadata:
    """Which worker this is."""

    runtime_name: str = ""
    runtime_version: str = ""
    worker_version: str = ""
    worker_bitness: str = ""
    custom_properties: dict[str, str] = field(default_factory=dict)


@dataclass(kw_only=True)
class WorkerInitResponse:
    """The answer to the start of the app."""

    capabilities: dict[str, str] = field(default_factory=dict)
    worker_metadata: WorkerMetadata | None = None
    result: StatusResult | None = None


@dataclass(kw_only=True)
class BindingInfo:
    """A binding in short; the raw bindings tell the rest."""

    undefined: ClassVar[int] = 0
    out: ClassVar[int] = 1
    inout: ClassVar[int] = 2

    type: str = ""
    data_type: int = 0
    direction: int = 0


@dataclass(kw_only=True)
class RpcRetryOptions:
    """A retry policy of a function."""

    max_retry_count: int = 0
    retry_strategy: Any = None
    delay_interval: Any = None
    minimum_interval: Any = None
    maximum_interval: Any = None


@dataclass(kw_only=True)
class RpcFunctionMetadata:
    """One function of the app; `raw_bindings` are JSON texts."""

    name: str = ""
    function_id: str = ""
    managed_dependency_enabled: bool = False
    directory: str = ""
    script_file: str = ""
    entry_point: str = ""
    is_proxy: bool = False
    language: str = ""
    bindings: dict[str, BindingInfo] = field(default_factory=dict)
    raw_bindings: list[str] = field(default_factory=list)
    retry_options: RpcRetryOptions | None = None
    properties: dict[str, str] = field(default_factory=dict)


@dataclass(kw_only=True)
class FunctionMetadataResponse:
    """All functions of the app; None when there is no script file."""

    use_default_metadata_indexing: bool = False
    function_metadata_results: list[RpcFunctionMetadata] | None = None
    result: StatusResult | None = None


@dataclass(kw_only=True)
class FunctionLoadResponse:
    """The answer to loading one function."""

    function_id: str = ""
    result: StatusResult | None = None


@dataclass(kw_only=True)
class InvocationResponse:
    """How one call of a function ended."""

    invocation_id: str = ""
    return_value: TypedData | None = None
    result: StatusResult | None = None
    output_data: list[ParameterBinding] = field(default_factory=list)
