import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings

# Kernels compile on their first call, and no test may depend on the clock.
settings.register_profile("penstock", deadline=None)
settings.load_profile("penstock")

# A shell's background jobs ignore interrupts, and so would all programs that the tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real data beside the checkout; a test that needs it is skipped where it is absent."""
    default = Path(__file__).parents[2] / "shared" / "data"
    path = Path(os.environ.get("PENSTOCK_TEST_DATA", default))
    if not path.is_dir():
        pytest.skip(f"real data not found at {path}; set PENSTOCK_TEST_DATA")
    return path
