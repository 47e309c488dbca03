import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { build } from 'esbuild'

const root = join(import.meta.dirname, '../../..')

/** The control plane over a database, as a process of its own that can be killed. */
export class ControlProcess {
  private child: ChildProcess | null = null
  /** What those of it printed last. */
  output = ''

  private constructor(
    private readonly bundle: string,
    private readonly env: NodeJS.ProcessEnv,
  ) {}

  /** `folder`: the data folder that it is told, in which it keeps nothing. */
  static async start(databaseUrl: string, folder: string): Promise<ControlProcess> {
    const bundle = join(root, 'node_modules', '.cache', `control-${process.pid}.mjs`)
    await build({ absWorkingDir: root, entryPoints: ['server/processes/control.ts'], outfile: bundle, bundle: true, platform: 'node', target: 'node20', format: 'esm', packages: 'external', logLevel: 'silent', alias: { 'server-only': './tools/testing/empty.ts' } })
    const control = new ControlProcess(bundle, { NODE_ENV: 'test', PATH: process.env.PATH, HYPERNETES_DATA: folder, DATABASE_URL: databaseUrl })
    control.begin()
    return control
  }

  begin(): void {
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', process.execPath, '--enable-source-maps', this.bundle], { env: this.env, stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (this.output = (this.output + chunk.toString()).slice(-20_000)))
    this.child = child
  }

  /** Ends it without a word. Throws where it had ended by itself. */
  async kill(): Promise<void> {
    const { child } = this
    if (!child || child.exitCode !== null || child.signalCode !== null) throw new Error(`the control process had ended by itself: ${this.output}`)
    const ended = once(child, 'close')
    child.kill('SIGKILL')
    await ended
  }

  async end(): Promise<void> {
    await this.kill().catch(() => {})
    await rm(this.bundle, { force: true })
  }
}
