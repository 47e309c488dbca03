import { turnToBegin } from './turn'

await turnToBegin()
