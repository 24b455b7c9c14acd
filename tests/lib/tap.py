"""unittest, with TAP on standard output.

    import tap
    class Basics(unittest.TestCase):
        def test_something(self): ...
    if __name__ == '__main__':
        tap.main()

Each method is a point; so is each subTest that fails.  skipTest makes a
skipped point, which tests/run counts as failed unless it was allowed.
"""

import sys
import traceback
import unittest


class Result(unittest.TestResult):
    def __init__(self):
        super().__init__()
        self.sub_failed = False

    def say(self, ok, test, more=''):
        name = test.id().replace('__main__.', '').replace('#', ' ')
        print('%s - %s%s' % ('ok' if ok else 'not ok', name, more),
              flush=True)

    def explain(self, err):
        trace = err[2]
        while trace and '__unittest' in trace.tb_frame.f_globals:
            trace = trace.tb_next
        text = ''.join(traceback.format_exception(err[0], err[1], trace))
        for line in text.splitlines():
            print('# ' + line, flush=True)

    def startTest(self, test):
        super().startTest(test)
        self.sub_failed = False

    def addSuccess(self, test):
        super().addSuccess(test)
        if not self.sub_failed:
            self.say(True, test)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err:
            self.sub_failed = True
            self.say(False, subtest)
            self.explain(err)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.say(False, test)
        self.explain(err)

    def addError(self, test, err):
        super().addError(test, err)
        self.say(False, test)
        self.explain(err)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.say(True, test, ' # SKIP ' + reason)

    def addExpectedFailure(self, test, err):
        super().addExpectedFailure(test, err)
        self.say(True, test)

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self.say(False, test, ' (expected to fail)')


def main():
    """Runs the test cases of the calling script, or those named in argv."""
    loader = unittest.TestLoader()
    names = sys.argv[1:]
    module = sys.modules['__main__']
    suite = (loader.loadTestsFromNames(names, module) if names
             else loader.loadTestsFromModule(module))
    result = Result()
    suite.run(result)
    sys.exit(0 if result.wasSuccessful() else 1)
