import { describeHostileImages } from './testing/hostile-images'

describeHostileImages('more images, also for reading alone', { images: 12, all: true })
