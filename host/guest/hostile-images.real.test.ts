import { describeHostileImages } from './testing/hostile-images'

describeHostileImages('some images', { images: 6, all: false })
