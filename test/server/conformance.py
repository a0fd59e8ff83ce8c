# The conformance suite of the OCI distribution specification passes: push, pull, discovery and management, for a tenant with a
# token and where there are none. (SHA-512 is not among the digests of this server.)
# REQUIRES: conformance
# RUN: env CONFORMANCE=%conformance %python %s %t
import os
import subprocess

from harness import Server, fresh_folder, write_tokens

folder = fresh_folder()
tokens = write_tokens(folder, {"acme": {"tokens": {"acme": ["pull", "push"]}}})
for name, options, login in (("tenant", ("--token-file", tokens), {"OCI_USERNAME": "token", "OCI_PASSWORD": "acme"}), ("open", (), {})):
    with Server(f"{folder}/{name}", *options) as server:
        results = f"{folder}/{name}/results"
        suite = {"REGISTRY": f"127.0.0.1:{server.port}", "TLS": "disabled", "REPO1": "acme/one", "REPO2": "acme/two", "RESULTS_DIR": results,
                 "VERSION": "1.1", "DATA_SHA512": "false", "API_BLOBS_UPLOAD_CANCEL": "true", "API_BLOBS_DIGEST_HEADER": "true",
                 "API_MANIFESTS_DIGEST_HEADER": "true"}
        environment = {**os.environ, **login, **{"OCI_" + key: value for key, value in suite.items()}}
        run = subprocess.run([os.environ["CONFORMANCE"]], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert run.returncode == 0 and "OCI Conformance Result: Pass" in run.stdout, run.stdout[-8000:]
        summary = run.stdout[run.stdout.index("API conformance:"):]
        states = dict(line.replace("..", "").rsplit(":", 1) for line in summary.splitlines() if line.endswith((" Pass", "Disabled", "Skip", "FAIL", "Unknown")))
        off = {line.strip(" .") for line, state in states.items() if state.strip() != "Pass"}
        assert off <= {"Manifest put with tag params", "Blobs sha512", "Digest Algorithm sha512", "Sparse Manifests", "Tag Param", "Tag Param sha512"}, off
        stats = (server.as_user("root") if login else server).stats()
        assert stats["server_errors"] == 0 and stats["upload_sessions"] < 8 and stats["mounted_blobs"] >= 2, stats
