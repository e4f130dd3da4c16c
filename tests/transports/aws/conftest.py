"""SNS and SQS for the tests of this folder."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from fixtures.cloud import require
from fixtures.cloud_aws import Aws, SnsOut, SqsOut


@pytest.fixture
async def aws(authority: Any, ca_file: str) -> AsyncIterator[Aws]:
    """LocalStack, behind our front."""
    aws = Aws(authority, ca_file)
    await aws.start()
    yield aws
    await aws.close()


@pytest.fixture(params=[SnsOut, SqsOut], ids=["sns", "sqs"])
async def out(request: pytest.FixtureRequest, authority: Any, ca_file: str) -> AsyncIterator[Any]:
    """A topic or a queue to send to."""
    require("aiobotocore")
    member = request.param(authority, ca_file)
    await member.start()
    yield member
    await member.close()
