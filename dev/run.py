"""`make run`: the product on this machine until Ctrl-C, with its data kept in .local/."""

import signal
import sys
from contextlib import ExitStack

from dev.processes import ChildFailed, PortBusy
from dev.stack import Layout, start


def main() -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with ExitStack() as stack:
            running = start(stack, Layout.usual(), print, lambda line: print(line, flush=True))
            print(f"API      {running.api}/api/messaging  (Swagger at {running.api}/docs)")
            print(f"Sandbox  {running.sandbox}  (what was sent)")
            print("Token    make token USER=alice MANDATE=m1 ROLE=user|mandate-admin|admin")
            print("Ctrl-C ends everything.", flush=True)
            code = running.host.child.wait(timeout=10**9)
        sys.exit(f"The host ended with code {code}.")
    except (ChildFailed, PortBusy) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        print("Everything is stopped.")


if __name__ == "__main__":
    main()
