import Mocha from 'mocha'

/** Runs a test file inside of this process, as `npm test` does; the failures' texts. */
export async function failuresOf(file: string): Promise<string[]> {
  const mocha = new Mocha({ timeout: 60_000, reporter: SilentReporter })
  mocha.addFile(file)
  await mocha.loadFilesAsync()
  const failures: string[] = []
  let passed = 0
  await new Promise<void>((done) => {
    mocha
      .run(() => done())
      .on('fail', (test, error) => failures.push(`${test.fullTitle()}: ${error.message}`))
      .on('pass', () => passed++)
  })
  return passed === 0 ? [...failures, 'no test passed'] : failures
}

class SilentReporter extends Mocha.reporters.Base {}
