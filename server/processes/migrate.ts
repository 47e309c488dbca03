import { loadConfig } from '@/platform/config'
import { KeyRing } from '@/platform/crypto/key-ring'
import { logger } from '@/platform/logger'
import { ensureFirstOperator } from '@/server/services/accounts/first-operator'
import { ensureDefaultPool } from '@/server/services/address-pools/default-pool'
import { ensureDefaultStore } from '@/server/services/volume-stores/default-store'
import { openDatabase } from '@/server/store/database'
import { registerHost } from '@/server/store/hosts'
import { migrateDeploy } from '@/server/store/migrate'

const log = logger('migrate')
const config = loadConfig()
if (!config.databaseUrl) throw new Error('DATABASE_URL is not set: start the server through `npm start`, or name a database')

const applied = await migrateDeploy(config.databaseUrl)
if (applied.length > 0) log.info({ applied }, 'the database has a new shape')
const db = openDatabase(config.databaseUrl, 2)
const { name, publicKey } = config.localHost
if (publicKey) await registerHost(db, name, publicKey)
const operator = await ensureFirstOperator(db, config, KeyRing.fromFile(config.keyFile))
// Printed once, to the terminal of whoever starts the system for the first time, and kept nowhere.
if (operator.created && operator.password) process.stdout.write(`The first operator is ${operator.email}, with the password ${operator.password.reveal()}\nIt is shown this once: write it down, or change it in the console.\n`)
if (operator.warning) log.warn(operator.warning)
const pool = await ensureDefaultPool(db, config)
if (pool.created) log.info({ cidr: config.externalCidr }, 'the pool of floating addresses "default" was made')
if (pool.warning) log.warn(pool.warning)
if ((await ensureDefaultStore(db)).created) log.info('the store of volumes "local" and its storage class "standard" were made')
await db.$disconnect()
