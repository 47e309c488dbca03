import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { root } from '../setup/paths.mjs'

/** What a part of the run counted; `output`: of a check that failed; `failures`: tests that failed, with the first words of their errors; `unsteady`: the same of those that passed when they were repeated. @typedef {{ name: string, passed: number, failed: number, skipped: number, seconds: number, output?: string, failures?: string[], unsteady?: string[] }} Outcome */

const since = (start) => (performance.now() - start) / 1000

/**
 * Runs a program and resolves with its exit code; a program that takes longer than `limitMs` is ended and has failed.
 * @param {string[]} argv
 * @param {{ env?: Record<string, string>, capture?: boolean, limitMs?: number, yielding?: boolean, prefix?: string, lastWordsMs?: number }} [options] `capture`:
 * collect the output instead of showing it; `yielding`: where others want the processors too it gets a third of what each of them gets; `prefix`: show the
 * output with this before each line, for it comes among another program's; `lastWordsMs`: its output is read for so long after its
 * end, for whoever it left may hold that open for ever
 * @returns {Promise<{ ok: boolean, output: string }>}
 */
export function execute(argv, { env = {}, capture = false, yielding = false, prefix, limitMs = yielding ? 1_800_000 : 600_000, lastWordsMs = 5_000 } = {}) {
  const [command, ...args] = yielding ? ['nice', '-n', '5', ...argv] : argv
  return new Promise((resolve) => {
    const stdio = capture || prefix ? 'pipe' : 'inherit'
    const child = spawn(command, args, { cwd: root, env: { ...process.env, ...env }, stdio: ['ignore', stdio, stdio] })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8')
      if (capture) stream?.on('data', (chunk) => (output += chunk))
      else if (stream) createInterface({ input: stream }).on('line', (line) => console.log(`${prefix}${line}`))
    }
    const limit = setTimeout(() => {
      output += `\nended after ${limitMs / 1000} s`
      if (!capture) console.error(`${command} is ended after ${limitMs / 1000} s`)
      child.kill('SIGTERM')
      setTimeout(() => child.kill('SIGKILL'), 10_000).unref()
    }, limitMs)
    const end = (ok) => {
      clearTimeout(limit)
      resolve({ ok, output })
    }
    child.once('error', (error) => {
      output += error.message
      end(false)
    })
    child.once('close', (code) => end(code === 0))
    child.once('exit', (code) => {
      const words = setTimeout(() => {
        output += `\n${command} left a process that holds its output open`
        if (!capture) console.error(`${command} has ended and left a process that holds its output open`)
        // This process would wait for it, too.
        for (const stream of [child.stdout, child.stderr]) stream?.destroy()
        end(code === 0)
      }, lastWordsMs)
      child.once('close', () => clearTimeout(words))
    })
  })
}

/**
 * A check: it counts as one. Its output is shown when it fails.
 * @param {string} name
 * @param {() => Promise<{ ok: boolean, output: string }> | { ok: boolean, output: string }} work
 * @returns {Promise<Outcome>}
 */
export async function check(name, work) {
  const start = performance.now()
  const { ok, output } = await Promise.resolve().then(work).catch((error) => ({ ok: false, output: error.stack }))
  console.log(`${ok ? '✓' : '✗'} ${name}  ${since(start).toFixed(1)} s`)
  if (!ok) console.log(output.trimEnd())
  return { name, passed: ok ? 1 : 0, failed: ok ? 0 : 1, skipped: 0, seconds: since(start), ...(!ok && { output: output.trimEnd() }) }
}

/**
 * So many tests of a part may fail once and pass when they are repeated: whatever the machine was busy with came between. They
 * are named at the end of the run, to be mended. More of them are no accident.
 */
const MAX_UNSTEADY = 3

/**
 * A test runner: it counts its tests, through a reporter of ours that writes to HYPERNETES_COUNTS. One that fails
 * without a failed test counts as one failure.
 * @param {string} name
 * @param {string[]} argv
 * @param {{ env?: Record<string, string>, limitMs?: number, prefix?: string }} [options]
 * @returns {Promise<Outcome>}
 */
export async function suite(name, argv, { env = {}, limitMs, prefix } = {}) {
  console.log(`\n── ${name}`)
  const start = performance.now()
  const folder = mkdtempSync(join(tmpdir(), 'hypernetes-counts-'))
  const file = join(folder, 'counts.json')
  const { ok } = await execute(argv, { env: { ...env, HYPERNETES_COUNTS: file }, limitMs, prefix })
  const counts = readCounts(file)
  rmSync(folder, { recursive: true, force: true })
  return judged({ name, ...counts, failed: ok ? counts.failed : Math.max(1, counts.failed), seconds: since(start) })
}

/** @param {Outcome} outcome @returns {Outcome} */
function judged({ unsteady = [], failures = [], ...outcome }) {
  if (unsteady.length <= MAX_UNSTEADY) return { ...outcome, unsteady, failures }
  return { ...outcome, unsteady, failures: [...failures, `${unsteady.length} tests failed and passed when they were repeated, where ${MAX_UNSTEADY} may`], failed: outcome.failed + 1 }
}

function readCounts(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return { passed: 0, failed: 1, skipped: 0 }
  }
}
