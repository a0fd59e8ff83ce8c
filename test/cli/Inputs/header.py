"""header.py - where fields of an artifact's header lie, and its checksum. See runtime-stubs/include/aotc/artifact_format.h."""
import re
import struct
from pathlib import Path

import xxhash

FORMAT = Path(__file__).parents[3] / "runtime-stubs/include/aotc/artifact_format.h"
SNAPSHOT_MAGIC = int(re.search(r"#define AOTC_SNAPSHOT_MAGIC (0x[0-9a-f]+)", FORMAT.read_text()).group(1), 16)
START = 0x400
SECTIONS = ["metadata", "rodata", "strings", "text", "image", "snapshot"]
SPANS = ["types", "type_bytes", "imports", "exports", "globals", "tables", "elements", "functions", "trap_sites",
         "data_segments", "elem_segments", "image_runs"]
FIELDS = {"format_version": (8, "I"), "header_size": (16, "I"), "flags": (20, "I"), "architecture": (24, "I"), "tier": (28, "I"),
          "cpu_features": (32, "Q"), "compiler_version": (72, "32s"), "cpu": (104, "32s"), "file_size": (136, "Q"), "load_size": (144, "Q")}
for i, name in enumerate(SECTIONS):
    FIELDS[name + ".offset"], FIELDS[name + ".size"] = (152 + 24 * i, "Q"), (160 + 24 * i, "Q")
for i, name in enumerate(SPANS):
    FIELDS[name + ".offset"], FIELDS[name + ".count"] = (296 + 16 * i, "Q"), (304 + 16 * i, "I")


def get(artifact, field):
    offset, kind = FIELDS[field]
    return struct.unpack_from("<" + kind, artifact, START + offset)[0]


def put(artifact, field, value):
    offset, kind = FIELDS[field]
    struct.pack_into("<" + kind, artifact, START + offset, value)


def checksum_offset(artifact):
    """The checksum is the header's last field."""
    return struct.unpack_from("<I", artifact, START + FIELDS["header_size"][0])[0] - 8


def repair_checksum(artifact, offset):
    struct.pack_into("<Q", artifact, START + offset, xxhash.xxh3_64_intdigest(bytes(artifact[START : START + offset])))
