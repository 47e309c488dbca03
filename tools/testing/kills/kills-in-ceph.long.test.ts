import { makeCephStore } from '../ceph-store'
import { describeKillsUnder } from './kills-suite'

describeKillsUnder('Ceph', { open: (fleet) => makeCephStore(fleet, 2048) })
