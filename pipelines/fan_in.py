"""The first level of a wide exchange: many tasks' files of a stream become one."""

from pipelines.exchange import merge_exchange_files
from pipelines.streams import STREAMS
from pipelines.task import Item, TaskContext


def merge_stream(context: TaskContext, item: Item) -> None:
    """Merge a group of files of one stream, bucket by bucket, into one file of the same form."""
    stream = STREAMS[item["stream"]]
    (files,) = context.spec.inputs.values()
    merge_exchange_files(
        files[item["first"] : item["last"]],
        context.file(stream.name),
        schema=stream.schema,
        sort_by=stream.sort_by,
        num_buckets=item["buckets"],
        memory_bytes=context.memory_bytes // 2,
        spill=context.spill,
    )
