import { configureGlobal, readConfigureGlobal } from 'fast-check'
import { readPropertySeed } from './read-property-seed'

/**
 * One seed for all properties of a test file (HYPERNETES_PROPERTY_SEED, else drawn anew for each file): where a run tries a test a second time, that sees the very inputs on which the first one failed, and a
 * counterexample that is seldom is not drawn away. The failure names the seed, and with it in HYPERNETES_PROPERTY_SEED every file sees the same inputs again. Of the unit tests alone.
 */
configureGlobal({ ...readConfigureGlobal(), seed: readPropertySeed(process.env['HYPERNETES_PROPERTY_SEED']) })
