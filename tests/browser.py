"""A headless Chromium that reads a page from a file and writes down what it complains of and what it asks for."""

import json
from contextlib import contextmanager
from urllib.parse import urlsplit

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from programs import need

FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--force-prefers-reduced-motion",
]


class Browser:
    """One window; ``driver`` is selenium's."""

    def __init__(self, driver):
        self.driver = driver

    def open(self, path, width=1280, scheme="light"):
        """Open a file in a window of this width; gives back itself once the page's script has run."""
        self.show(width, scheme)
        self.complaints()
        self.requests()
        self.driver.get(path.as_uri())
        assert self.run("return document.documentElement.dataset.ready") == "yes", self.complaints()
        return self

    def show(self, width, scheme):
        """Change the window's width and the colours that its user prefers."""
        size = {"width": width, "height": 1000, "deviceScaleFactor": 1, "mobile": False}
        preferred = [{"name": "prefers-color-scheme", "value": scheme}]
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": preferred})

    def run(self, script, *arguments):
        """The value that a piece of JavaScript returns in the page."""
        return self.driver.execute_script(script, *arguments)

    def complaints(self):
        """What stands in the console since the last call."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requests(self):
        """The addresses that were asked for since the last call, data inside the page left out."""
        messages = (json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance"))
        asked = (
            message["params"]["request"]["url"]
            for message in messages
            if message["method"] == "Network.requestWillBeSent"
        )
        return [address for address in asked if urlsplit(address).scheme != "data"]


@contextmanager
def chromium(profile):
    """A browser whose profile is the empty folder ``profile``; nothing is downloaded for it."""
    options = webdriver.ChromeOptions()
    options.binary_location = need(["chromium", "google-chrome", "chromium-browser"], "chromium")
    for flag in [*FLAGS, f"--user-data-dir={profile}"]:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(need(["chromedriver"], "chromium-driver")))
    try:
        yield Browser(driver)
    finally:
        driver.quit()
