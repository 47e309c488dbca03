import { openFileStore } from '../testing/file-store'
import { describeStore } from '../testing/store-contract'

describeStore('files', openFileStore, { runs: 12 })
