"""Lets the system tests import the harness (machine, gdb) from this directory."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
