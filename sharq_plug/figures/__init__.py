"""What a server counts of itself, and the text of a scrape, in the forms of Prometheus."""

from sharq_plug.figures.process import ProcessFigures
from sharq_plug.figures.scrape import Scraped, scrape
from sharq_plug.figures.sharing import DIRECTORY_VARIABLE

__all__ = ["DIRECTORY_VARIABLE", "ProcessFigures", "Scraped", "scrape"]
