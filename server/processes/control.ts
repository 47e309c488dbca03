import { loadConfig } from '@/platform/config'
import { onSupervisorGone } from '@/platform/lifeline'
import { logger } from '@/platform/logger'
import { createEndpointsController } from '@/server/control/controllers/endpoints/controller'
import { createExternalControllers } from '@/server/control/controllers/external/controller'
import { feedController } from '@/server/control/controllers/feed/controller'
import { figuresController } from '@/server/control/controllers/figures/controller'
import { createHostController } from '@/server/control/controllers/host/controller'
import { namespaceController } from '@/server/control/controllers/namespace/controller'
import { networkController } from '@/server/control/controllers/network/controller'
import { podController } from '@/server/control/controllers/pod/controller'
import { createScheduleController } from '@/server/control/controllers/snapshot-schedule/controller'
import { createClaimController } from '@/server/control/controllers/volume/claims/controller'
import { snapshotController } from '@/server/control/controllers/volume/snapshots/controller'
import { createVolumeControllers } from '@/server/control/controllers/volume/controller'
import { storeController } from '@/server/control/controllers/volume/stores/controller'
import { runControllers } from '@/server/control/runtime/controller'
import { runWhileLeader } from '@/server/control/runtime/leader'
import { scheduler } from '@/server/control/scheduler/scheduler'
import { openDatabase, whenAvailable } from '@/server/store/database'
import { FeedReader } from '@/server/store/feed-reader'

const log = logger('control')
const config = loadConfig()
if (!config.databaseUrl) throw new Error('DATABASE_URL is not set: start the server through `npm start`, or name a database')

const db = openDatabase(config.databaseUrl)
const feed = new FeedReader(db, config.databaseUrl, (err) => log.error({ err }, 'the change feed could not be read'))
await whenAvailable(() => feed.start(), (err) => log.warn({ err }, 'the database does not answer yet; it is tried again'))
const leader = runWhileLeader(db, log, (signal) => runControllers({ db, log, feed }, [scheduler, podController, createEndpointsController(), networkController, ...createExternalControllers({ defaultQuota: config.floatingAddressQuota }), ...createVolumeControllers(), createClaimController({ quotas: config.volumeQuotas, graceMs: config.volumeGraceMs }), snapshotController, storeController, createScheduleController({ quotas: config.volumeQuotas }), namespaceController, createHostController(), feedController, figuresController], signal))

let stopping = false
async function stop(): Promise<void> {
  if (stopping) return
  stopping = true
  setTimeout(() => process.exit(1), 5000).unref()
  await leader.close()
  await feed.close()
  await db.$disconnect()
  process.exit(0)
}
process.on('SIGINT', () => void stop())
process.on('SIGTERM', () => void stop())
onSupervisorGone(() => void stop())
log.info('control is up')
