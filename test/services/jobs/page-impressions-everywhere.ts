import pageImpressions from '../../../jobs/pageImpressions.js'
import { everywhere } from './everywhere.js'

export default everywhere(pageImpressions, 'output')
