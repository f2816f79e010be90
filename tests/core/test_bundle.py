"""Many files as one object, and back."""

from hypothesis import given
from hypothesis import strategies as st

from packages_app.core.bundle import pack, unpack


@given(st.lists(st.tuples(st.text(), st.binary())))
def test_what_is_packed_comes_out_as_it_was(files):
    assert list(unpack(pack(files))) == files
