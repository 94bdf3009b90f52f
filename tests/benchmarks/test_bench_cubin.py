"""Machine code is counted: instructions, widths, and the ways through blocks and loops."""

import pytest

from benchmarks.gpu import cubin
from benchmarks.gpu.code_paths import Paths, paths

STRAIGHT = """
        /*0010*/                   LDC R1, c[0x0][0x28] ;
        /*0020*/              @P0  LDG.E.128 R4, desc[UR4][R2.64] ;
        /*0030*/             @!P1  STG.E.U8 desc[UR4][R2.64], R4 ;
        /*0040*/                   EXIT ;
        /*0050*/                   NOP ;
"""
# 2 instructions before, a loop of 3 with a way round 1 of its two others, 1 behind.
LOOP = """
        /*0010*/                   MOV R1, R2 ;
        /*0020*/                   MOV R2, R3 ;
.L_x_1:
        /*0030*/              @P0  BRA `(.L_x_2) ;
        /*0040*/                   SHFL.DOWN R4, R4 ;
.L_x_2:
        /*0050*/                   BAR.SYNC 0x0 ;
        /*0060*/              @P1  BRA `(.L_x_1) ;
        /*0070*/                   EXIT ;
"""
INNER = """
.L_x_1:
        /*0010*/                   MOV R1, R2 ;
.L_x_2:
        /*0020*/                   FADD R1, R2, R3 ;
        /*0030*/              @P0  BRA `(.L_x_2) ;
        /*0040*/              @P1  BRA `(.L_x_1) ;
        /*0050*/                   EXIT ;
"""


def test_instructions_by_hand():
    assert cubin.operations(STRAIGHT) == ["LDC", "LDG.E.128", "STG.E.U8", "EXIT"]
    code = cubin.MachineCode(32, 0, 0, LOOP)
    assert (code.instructions, code.barriers, code.shuffles, code.local) == (7, 1, 1, 0)
    assert cubin.accesses(cubin.operations(STRAIGHT)) == {"LDG.128": 1, "STG.8": 1}


@pytest.mark.parametrize("passes", [1, 2, 10])
def test_ways_by_hand(passes):
    assert paths(STRAIGHT, passes) == Paths(4, 4)
    # 2 before, 1 behind; a pass is the branch, the barrier, the branch back, and maybe the shuffle
    assert paths(LOOP, passes) == Paths(3 + 3 * passes, 3 + 4 * passes)
    # the inner loop is passed once in each pass of the outer one
    assert paths(INNER, passes) == Paths(1 + 4 * passes, 1 + 4 * passes)


def test_a_loop_that_is_hardly_ever_entered_may_be_left_out():
    rare = LOOP.replace(
        "/*0070*/                   EXIT ;",
        "/*0070*/              @P2  BRA `(.L_x_4) ;\n.L_x_3:\n"
        "        /*0080*/              @P3  BRA `(.L_x_3) ;\n.L_x_4:\n"
        "        /*0090*/                   EXIT ;",
    )
    # a pass of the large loop is 3 or 4; the small loop is 1 of 4, below a third
    assert paths(rare, 2) == Paths(2 + 6 + 2, 2 + 8 + 1 + 2 + 1)
