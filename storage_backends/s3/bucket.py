"""What all uploads of a store share."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from storage_backends.s3._blocking.multiparts import Multiparts
from storage_backends.s3._blocking.objects import Objects
from storage_backends.s3.budget import ByteBudget
from storage_backends.s3.layout import Layout
from storage_backends.s3.part_sizes import PartSizes
from storage_backends.threads import BlockingPool


@dataclass(frozen=True, slots=True)
class Bucket:
    """One bucket: its objects and multipart uploads, and the means to work on them.

    `requests` are the threads in which S3 is asked; `receiving` those in which bytes are taken in and hashed, with
    `turns` at them: that is work for processors, and more of it at once takes longer in all.
    """

    layout: Layout
    objects: Objects
    multiparts: Multiparts
    sizes: PartSizes
    budget: ByteBudget
    requests: BlockingPool
    receiving: BlockingPool
    turns: asyncio.Semaphore
