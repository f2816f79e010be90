"""The rules stand on their own: they can be imported where there is no Django."""

import subprocess
import sys

import pytest

_BLOCKED = """
import importlib, pkgutil, sys
BLOCKED = ("django", "celery", "storages")
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in BLOCKED:
            raise ImportError(f"{name} is blocked")
sys.meta_path.insert(0, Block())
for name in BLOCKED:
    try:
        importlib.import_module(name)
    except ImportError:
        continue
    sys.exit(f"{name} can be imported all the same")
package = importlib.import_module(sys.argv[1])
for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
    importlib.import_module(module.name)
"""


FOLDERS = "core debian indexes signing sources adoption verification package_table publishing sweeping"


@pytest.mark.parametrize("folder", FOLDERS.split())
def test_a_folder_of_rules_imports_no_django(folder):
    command = [sys.executable, "-c", _BLOCKED, f"packages_app.{folder}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
