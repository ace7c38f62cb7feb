"""`[journal]` of the configuration."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["JournalConfig"]


class JournalConfig(BaseModel):
    """`[journal]`: how the record of what left the site is kept. Megabytes are 1,000,000 bytes."""

    model_config = ConfigDict(extra="forbid")

    #: A file that has reached this size is closed, and the next is begun.
    file_megabytes: int = Field(default=64, ge=1, le=1000)
    #: Files are deleted when their last entry is so old.
    keep_days: int = Field(default=365, ge=1)
    #: The oldest files are deleted earlier when all together are larger.
    most_megabytes: int = Field(default=4000, ge=2)
    #: Commands are refused while less is free on the disk.
    free_megabytes: int = Field(default=100, ge=1)

    @model_validator(mode="after")
    def _sized(self) -> Self:
        if self.most_megabytes < 2 * self.file_megabytes:
            raise ValueError("most_megabytes must have room for two files of file_megabytes")
        return self
