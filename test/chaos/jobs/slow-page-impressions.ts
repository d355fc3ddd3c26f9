import pageImpressions from '../../../jobs/pageImpressions.js'
import { slowed } from './slowed.js'

export default slowed(pageImpressions)
