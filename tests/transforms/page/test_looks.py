from transforms.page.looks import block_looks
from transforms.page.main_text import read_page


def looks(page: str) -> list[int]:
    return block_looks(*read_page(page.encode(), maximum_tags=99, maximum_depth=99)).tolist()


def test_blocks_in_the_same_elements_of_the_same_classes_look_alike() -> None:
    assert looks("<div class=a><p>x<p>y</div><div class=b><p>z</div>") == [0, 0, 1]
    assert looks("<p>x<h2>y</h2><p>z") == [0, 1, 0]


def test_numbers_in_classes_tell_nothing() -> None:
    assert looks("<p class='post-1'>x<p class='post-22'>y<p class='page-1'>z") == [0, 0, 1]


def test_a_page_without_text_has_no_looks() -> None:
    assert looks("<div></div>") == []
