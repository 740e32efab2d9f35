"""Checks of emitted kernels: `verify` builds, runs and judges them.

The checks share the definition with what they check, and nothing else: values come from the
interpreter, derivatives from differences of the kernel's own forward pass.
"""

from symconv.verification.ladder import verify
from symconv.verification.verdict import Check, Verdict

__all__ = ["Check", "Verdict", "verify"]
