import { spawn } from 'node:child_process'

const terminal = process.stdout.isTTY
const seconds = (since) => `${((performance.now() - since) / 1000).toFixed(1)} s`

/** The state of the step that runs now: the last line that its programs printed. */
let detail = ''

/**
 * Runs one long step and shows that it is alive: in a terminal one line that counts, elsewhere a line each 15 s.
 * @template T
 * @param {string} title
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function step(title, work) {
  const since = performance.now()
  detail = ''
  const width = Math.max(20, (process.stdout.columns ?? 80) - 1)
  const line = () => `· ${title} … ${seconds(since)}${detail ? `  ${detail}` : ''}`
  const show = () => (terminal ? process.stdout.write(`\r\x1b[K${line().slice(0, width)}`) : console.log(line()))
  show()
  const timer = setInterval(show, terminal ? 250 : 15_000)
  const end = (mark) => {
    clearInterval(timer)
    console.log(`${terminal ? '\r\x1b[K' : ''}${mark} ${title}  ${seconds(since)}`)
  }
  try {
    const result = await work()
    end('✓')
    return result
  } catch (error) {
    end('✗')
    throw error
  }
}

/** What the step does now, shown beside its title. @param {string} text */
export function progress(text) {
  detail = text.trim().slice(0, 200)
}

/** A program that failed; the message holds the end of what it printed. */
export class CommandFailed extends Error {
  /**
   * @param {string} command
   * @param {string} output
   */
  constructor(command, output) {
    super(`${command}\n${output.trimEnd().split('\n').slice(-40).join('\n')}`)
    this.name = 'CommandFailed'
    this.output = output
  }
}

/**
 * Runs a program given as argv and returns what it printed on standard output; its last line shows as progress.
 * Throws {@link CommandFailed}.
 * @param {string} command
 * @param {string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv }} [options]
 * @returns {Promise<string>}
 */
export function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    // Standard input stays the terminal's: sudo may ask for a password.
    const child = spawn(command, args, { ...options, stdio: ['inherit', 'pipe', 'pipe'] })
    let stdout = ''
    let all = ''
    const take = (chunk) => {
      all = (all + chunk).slice(-200_000)
      progress(chunk.trimEnd().split('\n').at(-1) ?? '')
    }
    child.stdout.setEncoding('utf8').on('data', (chunk) => {
      stdout += chunk
      take(chunk)
    })
    child.stderr.setEncoding('utf8').on('data', take)
    child.once('error', (error) => reject(new CommandFailed(`${command} cannot be run: ${error.message}`, all)))
    child.once('close', (code, signal) => {
      if (code === 0) resolve(stdout)
      else reject(new CommandFailed(`${[command, ...args].join(' ').slice(0, 200)} ended with ${signal ?? code}`, all))
    })
  })
}
