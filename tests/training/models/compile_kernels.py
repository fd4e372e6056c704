"""Compiles the selective scan's kernels for a GPU of compute capability 9.0, without one, and prints their names."""

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from training.models import selective_scan_kernels

SIZES = {"N": 3, "STEPS": 2, "STATES": 4, "BLOCK": 8}
NUMBERS = ("length", "channels", "directions")


def main() -> None:
    for name in ("scan_forward", "scan_backward"):
        kernel = getattr(selective_scan_kernels, name)
        types = dict.fromkeys(NUMBERS, "i32") | dict.fromkeys(SIZES, "constexpr") | {"orders": "*i64"}
        signature = {parameter: types.get(parameter, "*fp32") for parameter in kernel.arg_names}
        compiled = triton.compile(ASTSource(kernel, signature, SIZES), GPUTarget("cuda", 90, 32), {"num_warps": 1})
        assert compiled.asm["cubin"]
        print(name)


if __name__ == "__main__":
    main()
