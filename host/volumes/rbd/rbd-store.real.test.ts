import { openRbdStore } from '../testing/rbd-store'
import { describeStore } from '../testing/store-contract'

describeStore('images of Ceph, what a volume lives of', openRbdStore, { runs: 0, crashes: false, whole: false })
