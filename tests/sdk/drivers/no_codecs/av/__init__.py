"""Stands in for PyAV, whose wheels carry x264 and x265 (GPL) and are therefore not installed.

LiveKit's and Semantic Kernel's packages import its names at their start; a conversation over a
WebSocket decodes no media and uses none of them. Every name is an empty class.
"""

# mypy: ignore-errors

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
import types


def __getattr__(name: str) -> type:
    if name.startswith("__"):
        raise AttributeError(name)
    return type(name, (), {})


class _Nothing(types.ModuleType):
    __path__ = ()
    __getattr__ = staticmethod(__getattr__)


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, fullname, path=None, target=None):
        if fullname.startswith("av."):
            return importlib.machinery.ModuleSpec(fullname, self, is_package=True)
        return None

    def create_module(self, spec):
        return _Nothing(spec.name)

    def exec_module(self, module):
        """There is nothing to run."""


sys.meta_path.insert(0, _Finder())
