"""Write docs/openapi.json from the routes: `make openapi`."""

import json
from pathlib import Path

from messaging.api.app import routes
from messaging.bootstrap import build
from messaging.settings import Settings

FILE = Path(__file__).parents[1] / "docs/openapi.json"


def main() -> None:
    local = {
        "AZURE_FUNCTIONS_ENVIRONMENT": "Development",
        "AzureWebJobsStorage": "UseDevelopmentStorage=true",
        "MESSAGING_AUTH": "local",
        "MESSAGING_LOCAL_KEY": "nothing is signed with this key, which only names",
    }
    schema = routes(build(Settings.model_validate(local))).openapi()
    FILE.write_text(json.dumps(schema, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
