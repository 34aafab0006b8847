from oci_spec.chain_id import chain_ids
from oci_spec.digest import Digest


def test_the_chain_id_of_the_lowest_layer_is_its_diff_id_and_each_other_stands_on_the_one_below() -> None:
    first, second, third = (Digest.of(text) for text in (b"1", b"2", b"3"))

    chain = chain_ids([first, second, third])

    assert chain[0] == first
    assert chain[1] == Digest.of(f"{first} {second}".encode())
    assert chain[2] == Digest.of(f"{chain[1]} {third}".encode())
    assert chain_ids([]) == ()
