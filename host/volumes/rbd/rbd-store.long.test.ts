import { openRbdStore } from '../testing/rbd-store'
import { describeStore } from '../testing/store-contract'

describeStore('images of Ceph', openRbdStore, { runs: 2, crashes: false })
