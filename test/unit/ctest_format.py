"""A lit test format whose tests are CTest's, so that one summary counts everything."""
import json
import os
import subprocess

import lit.formats
import lit.Test


class CTest(lit.formats.TestFormat):
    def __init__(self, ctest, folder):
        self.ctest = ctest
        self.folder = folder  # the build directory's test folder, beside that of the build for AArch64

    def getTestsInDirectory(self, testSuite, path_in_suite, litConfig, localConfig):
        if path_in_suite != ("unit",):
            return
        for folder in (self.folder, f"{self.folder}/../aarch64/test"):
            if not os.path.isdir(folder):
                continue
            listing = subprocess.run([self.ctest, "--show-only=json-v1"], cwd=folder, capture_output=True, text=True)
            for test in json.loads(listing.stdout or "{}").get("tests", []):
                one = lit.Test.Test(testSuite, path_in_suite + (test["name"],), localConfig)
                one.command = test.get("command")
                yield one

    def execute(self, test, litConfig):
        if not test.command:
            return lit.Test.UNRESOLVED, "not built"
        try:
            done = subprocess.run(test.command, cwd=self.folder, capture_output=True, text=True, errors="replace", timeout=300)
        except subprocess.TimeoutExpired as error:
            return lit.Test.TIMEOUT, str(error)
        return lit.Test.PASS if done.returncode == 0 else lit.Test.FAIL, done.stdout + done.stderr
