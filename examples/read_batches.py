"""Reads the first batches of a dataset as a training loop would: `python read_batches.py OUT`."""

import argparse

from penstock import TokenLoader
from penstock.errors import UsageError


def main(out: str, *, num_steps: int = 3) -> None:
    """Prints the shapes of a few batches and the state that a checkpoint would hold."""
    loader = TokenLoader(out, sequence_length=512, global_batch_size=4, seed=0)
    print(f"{len(loader)} steps of 4 x 512 tokens in an epoch")
    batches = iter(loader)
    for step in range(min(num_steps, len(loader))):
        batch = next(batches)
        print(
            f"step {step}: input_ids {tuple(batch.input_ids.shape)} {batch.input_ids.dtype}, "
            f"{batch.num_label_tokens} label tokens, "
            f"{len(batch.cu_seqlens) - 1} segments, the longest {batch.max_seqlen} tokens"
        )
    state = loader.state_dict()
    print(f"a checkpoint taken here goes on at epoch {state['epoch']}, row {state['row']}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("out", help="a dataset's folder, which penstock run --output wrote")
    try:
        main(parser.parse_args().out)
    except UsageError as error:
        parser.error(str(error))
