import type { Config } from '@/platform/config'
import type { KeyRing } from '@/platform/crypto/key-ring'
import type { Logger } from '@/platform/logger'
import type { DatabaseClient } from '@/server/store/database'
import type { FeedReader } from '@/server/store/feed-reader'
import type { BrowserForwards } from './browser-forwards'
import type { HostStreams } from './host-streams'

/** The parts of a server process that use cases need. Composed in server/processes alone. */
export type ServerContext = {
  db: DatabaseClient
  config: Config
  keyRing: KeyRing
  log: Logger
  feed: FeedReader
  /** Opens streams to hosts; the gateway is behind it. */
  streams: HostStreams
  /** Shows what pods serve to browsers, on origins of their own; the gateway is behind it. */
  forwards: BrowserForwards
}
