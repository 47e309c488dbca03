import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { binariesReachableBy, findBinaries } from '@/tools/postgres/binaries'
import { startPostgres, stopPostgresIn, type PostgresOptions, type RunningPostgres } from '@/tools/postgres/server'
import type { Accounts } from '@/tools/start/accounts'
import type { DataFolders } from '@/tools/start/data-folder'

/**
 * The PostgreSQL in the data folder: started again on the same port when it ends, until `stop`. A server that outlived
 * an earlier supervisor is ended first, so that this one sees its end and its log.
 */
export class EmbeddedDatabase {
  private running: RunningPostgres | undefined
  private stopping = false
  private readonly options: PostgresOptions

  constructor(
    folders: DataFolders,
    accounts: Accounts,
    private readonly onNotice: (text: string) => void,
    onLine: (line: string) => void,
  ) {
    this.options = {
      paths: { folder: folders.postgres, privateFolder: folders.supervisor },
      account: accounts?.database,
      binaries: binariesReachableBy(accounts?.database, findBinaries(), join(folders.app)),
      database: 'hypernetes',
      maxConnections: 200,
      onLine,
    }
  }

  /** Returns the database's URL. */
  async start(): Promise<string> {
    // One whose supervisor was killed a moment ago still answers while it is about to end.
    await stopPostgresIn(this.options.paths)
    const server = await this.startOwn(this.options)
    this.follow(server)
    return server.url()
  }

  /** One that ran already is started anew: we would see neither its end nor its log. */
  private async startOwn(options: PostgresOptions): Promise<RunningPostgres> {
    const server = await startPostgres(options)
    if (server.child) return server
    await server.stop()
    return startPostgres(options)
  }

  async stop(): Promise<void> {
    this.stopping = true
    await this.running?.stop()
  }

  private follow(server: RunningPostgres): void {
    this.running = server
    server.child?.once('exit', (code, signal) => {
      if (this.stopping) return
      this.onNotice(`ended (${signal ?? `exit code ${code}`}) and is started again`)
      void this.restart(new URL(server.url()).port)
    })
  }

  private async restart(port: string): Promise<void> {
    for (let pause = 250; !this.stopping; pause = Math.min(pause * 2, 10_000)) {
      try {
        this.follow(await this.startOwn({ ...this.options, port: Number(port) }))
        return
      } catch (error) {
        this.onNotice(`could not be started: ${error instanceof Error ? error.message : String(error)}; it is tried again in ${pause / 1000} s`)
        await delay(pause)
      }
    }
  }
}
